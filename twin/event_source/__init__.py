"""One event source mapping: an SQS queue to a Lambda function."""
