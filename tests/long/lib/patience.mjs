// Proofs take minutes.  To be imported before the harness, which reads this when it is loaded.

process.env.POLLUX_FLOW_LIMIT_S ??= '3600';
process.env.POLLUX_FLOW_PATIENCE_S ??= '120';
