"""One EventBridge pipe: Kinesis stream to SNS topic or SQS queue."""
