"""What tests of several packages share: the environments that they run in, and how they wait."""
