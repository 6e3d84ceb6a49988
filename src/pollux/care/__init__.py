"""What a twin is for, one folder a use: treatment first."""
