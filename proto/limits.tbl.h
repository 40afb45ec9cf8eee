/* limits - what the codec lets through.
 *
 *   LIMIT_SIZE    the largest message of a conversation in bytes, envelope included
 *   LIMIT_STRING  the longest string or bytes field of that name (any message)
 *   LIMIT_COUNT   the most elements of a repeated field of that name (any message)
 *
 * A conversation or a field that is not listed has the limit of the line "*".
 * Include with the three defined; they are undefined at the end.
 */
/* clang-format off */
/*            conversation  bytes     why */
LIMIT_SIZE(   "*",            262144 )
LIMIT_SIZE(   "control",     4194304 ) /* status and events as JSON */
LIMIT_SIZE(   "config",     16777216 ) /* an import is one message: 50,000 objects of 300 bytes */
LIMIT_SIZE(   "log",        16777216 ) /* ... and one log entry */
LIMIT_SIZE(   "replica",     8388608 ) /* a batch: what one turn has changed */
/*            field         bytes */
LIMIT_STRING( "*",               255 )
LIMIT_STRING( "body",       16777216 ) /* of the envelope: the size of the message limits it */
LIMIT_STRING( "objects",     8000000 )
LIMIT_STRING( "json",        4000000 )
LIMIT_STRING( "text",          16384 )
LIMIT_STRING( "arguments",     16384 )
LIMIT_STRING( "evidence",       4096 )
LIMIT_STRING( "components",     4096 )
LIMIT_STRING( "why_not",        1024 )
LIMIT_STRING( "mode_reason",    1024 )
LIMIT_STRING( "reason",         1024 )
LIMIT_STRING( "judgement",      1024 )
LIMIT_STRING( "replica_why",    1024 )
/*            field         elements */
LIMIT_COUNT(  "*",              4096 )
LIMIT_COUNT(  "objects",       65536 )
LIMIT_COUNT(  "changes",       65536 )
/* clang-format on */
#undef LIMIT_SIZE
#undef LIMIT_STRING
#undef LIMIT_COUNT
