/* codec_refused - why the codec refuses a message.
 * Include with CODEC_REFUSED defined; it is undefined at the end. */
/* clang-format off */
/*             name         text */
CODEC_REFUSED( ACCEPTED,    "accepted" )
CODEC_REFUSED( TOO_LARGE,   "larger than the conversation allows" )
CODEC_REFUSED( NO_ENVELOPE, "not an envelope" )
CODEC_REFUSED( NO_SENDER,   "the envelope lacks cluster, host, boot id or sequence" )
CODEC_REFUSED( PROCESS,     "unknown process" )
CODEC_REFUSED( TYPE,        "unknown message type" )
CODEC_REFUSED( WAY,         "message type not allowed in this conversation and direction" )
CODEC_REFUSED( BODY,        "body is not of its type" )
CODEC_REFUSED( ENUM,        "unknown enum value" )
CODEC_REFUSED( STRING,      "string too long, not UTF-8, or with a NUL" )
CODEC_REFUSED( COUNT,       "too many elements" )
CODEC_REFUSED( DEPTH,       "nested too deep" )
/* clang-format on */
#undef CODEC_REFUSED
