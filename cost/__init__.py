"""What the system costs on AWS: quantities of the program's own resources, times a table of prices."""
