"""The CustomResourceDefinition and the JSON Schema, made from the manifest's model."""
