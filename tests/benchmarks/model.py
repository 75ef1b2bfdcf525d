"""The network of practices whose month is counted, and how its traffic comes."""

DAYS = 30
SECONDS_A_DAY = 86_400
# A network's day. Under `daily`, each session's first message opens it and the job closes it.
MESSAGES, SESSIONS, READS_PER_MESSAGE = 200_000, 20_000, 10
# What those reads are: of one resource, of a thread, of an inbox.
READ_MIX = {"get": 0.4, "thread20": 0.4, "page20": 0.2}
KINDS_OF_READS = tuple(READ_MIX)
# Who reads: each practitioner has 40 sessions a day, and as many patients; an inbox shows 20.
PRACTITIONERS, PATIENTS, INBOX = 500, 40, 20

READS_A_SECOND = MESSAGES * READS_PER_MESSAGE / SECONDS_A_DAY
WRITES_A_SECOND = MESSAGES / SECONDS_A_DAY
CLOSINGS_A_SECOND = SESSIONS / SECONDS_A_DAY

# How many lines CloudWatch delivers together, by a cautious guess; it says nothing of that.
DELIVERED = 5
# To what part gzip brings a long answer: people say more different things than fixtures do.
GZIP = 0.25
# How many seconds the stream gathers new events, and events of writes; its shards are four.
GATHERED, GATHERED_WRITES, SHARDS = 300, 5, 4
WRITES_A_BATCH = max(1, round((WRITES_A_SECOND + CLOSINGS_A_SECOND) * GATHERED_WRITES / SHARDS))
