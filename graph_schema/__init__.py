"""What can exist: classes, attributes, lifecycles and relationship types, as frozen values read from YAML."""
