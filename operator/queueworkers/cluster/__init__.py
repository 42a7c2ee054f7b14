"""The Kubernetes side: watching, applying, announcing."""
