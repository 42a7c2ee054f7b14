"""How soon workers are asked for once jobs are pushed: this operator, KEDA with an HPA, and a bare client."""
