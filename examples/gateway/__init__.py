"""A small AI gateway that has its calls paid by the credits service; its README tells the rest."""
