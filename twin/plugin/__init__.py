"""The twin as a provider plugin: Pulumi's own engine makes, changes and removes the program's resources on it."""
