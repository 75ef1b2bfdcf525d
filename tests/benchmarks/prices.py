"""AWS's list prices in us-east-1 (2026-11), in USD and without free tiers.

https://aws.amazon.com/dynamodb/pricing/on-demand/ and those of Lambda, API Gateway, CloudWatch, S3,
KMS, Cognito, SQS and EventBridge.
"""

MILLION, GB = 1_000_000, 1e9

# DynamoDB: units, and GB a month with continuous backups.
WRITE_UNITS, READ_UNITS = 0.625 / MILLION, 0.125 / MILLION
STORED_GB, BACKUP_GB = 0.25, 0.20
# S3: GB a month in Glacier Instant Retrieval and before the transition, and requests.
ARCHIVED_GB, NEW_OBJECTS_GB = 0.004, 0.023
PUT, TRANSITION = 5.00 / MILLION, 20.00 / MILLION
REQUEST_HTTP, REQUEST_LAMBDA = 1.00 / MILLION, 0.20 / MILLION
GB_SECOND_ARM = 0.0000133334
# CloudWatch: a GB ingested; a GB kept, compressed to about a seventh; each line counts 26 bytes
# more. Alarms are billed by the metrics that they read.
LOG_GB, LOG_KEPT_GB, LOG_COMPRESSED, LINE_BYTES = 0.50, 0.03, 0.15, 26
METRIC, ALARM, DASHBOARD = 0.30, 0.10, 3.00
KMS_KEY, KMS_REQUEST = 1.00, 0.03 / 10_000
# Cognito Essentials: a user who signs in within a month; a service client, and each of its tokens.
ACTIVE_USER, SERVICE_CLIENT, SERVICE_TOKEN = 0.015, 6.00, 0.00225
QUEUE_REQUEST, SCHEDULED = 0.40 / MILLION, 1.00 / MILLION
INTERNET_GB = 0.09
