"""What can exist: classes, attributes, lifecycles and relationship types, read from YAML into frozen values."""
