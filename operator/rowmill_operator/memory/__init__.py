"""The operator's memory of the cluster: typed views of objects, by experiment."""
