"""The laws of the design as checkers: of each write as it is made, and of the end of a history."""

from simulation.laws.balances import Balances
from simulation.laws.charges import Charges
from simulation.laws.documents import Documents

__all__ = ["Balances", "Charges", "Documents"]
