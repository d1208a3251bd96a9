"""What several test files share: the environments that tests run in, objects of the example salon, and how to wait."""
