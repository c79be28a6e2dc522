"""Fair share in virtual time: what a policy does with a trace of batch jobs, by the controller's own rules."""
