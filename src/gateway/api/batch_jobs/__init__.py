"""`batchjobs.v1.BatchJobs`: translation between the contract and the domain, and nothing else."""
