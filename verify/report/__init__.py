"""From the outcomes of single checks to one verdict, its causes and the readiness report."""
