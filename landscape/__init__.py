"""What is true of every landscape: its roles, their secrets, and the names that two other packages must agree on.

Plain data and pure functions. This folder imports no other one, and knows no file, no host and no cloud; what a stack
decides is in the inventory.
"""
