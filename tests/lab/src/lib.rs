//! A real Kubernetes cluster and a congested link on one machine, for tests and demos.
