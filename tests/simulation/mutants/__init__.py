"""Planted faults: what engineers get wrong about money, each of which the simulator must find."""
