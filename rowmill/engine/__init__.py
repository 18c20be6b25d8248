"""What a run is, said once for both engines, one machine and Kubernetes, and for every face."""
