"""One schedule of EventBridge Scheduler: invokes a function at the times that an expression tells."""
