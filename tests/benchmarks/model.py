"""The model behind the monthly bill: a network of practices and its traffic."""

DAYS = 30
SECONDS_A_DAY = 86_400
# A network's day. Under `daily`, each session's first message opens it and the job closes it.
MESSAGES, SESSIONS, READS_PER_MESSAGE = 200_000, 20_000, 10
# The shares of reads: of one resource, of a thread, of an inbox.
READ_MIX = {"get": 0.4, "thread20": 0.4, "page20": 0.2}
KINDS_OF_READS = tuple(READ_MIX)
# The readers: each practitioner has 40 sessions a day with as many patients, and an inbox shows 20.
PRACTITIONERS, PATIENTS, INBOX = 500, 40, 20

READS_A_SECOND = MESSAGES * READS_PER_MESSAGE / SECONDS_A_DAY
WRITES_A_SECOND = MESSAGES / SECONDS_A_DAY
CLOSINGS_A_SECOND = SESSIONS / SECONDS_A_DAY

# How many log lines CloudWatch delivers at once. It documents no number; this is cautious.
DELIVERED = 5
# The ratio to which gzip reduces a long answer. Real texts repeat less than the fixtures do.
GZIP = 0.25
# The seconds for which the stream gathers new events, and events of writes; the number of shards.
GATHERED, GATHERED_WRITES, SHARDS = 300, 5, 4
WRITES_A_BATCH = max(1, round((WRITES_A_SECOND + CLOSINGS_A_SECOND) * GATHERED_WRITES / SHARDS))
