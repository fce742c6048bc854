"""What is true: a plan of numbered expressions, and its form as SQL."""
