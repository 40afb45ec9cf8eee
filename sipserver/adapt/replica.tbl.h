/* clang-format off */
/* COUNTER(enum, name for operators, meaning).  The state of a primary at its backup (I6). */
COUNTER(BATCHES_OUT,  "replica_batches_out",     "batches sent to the backup")
COUNTER(BYTES_OUT,    "replica_bytes_out",       "bytes of objects in them")
COUNTER(OBJECTS_OUT,  "replica_objects_out",     "objects in them")
COUNTER(RECORDS_OUT,  "replica_records_out",     "call records in them")
COUNTER(ACKS_IN,      "replica_acks_in",         "acknowledgements of the backup")
COUNTER(BATCHES_IN,   "replica_batches_in",      "batches of the primary taken over")
COUNTER(BYTES_IN,     "replica_bytes_in",        "bytes of objects in them")
COUNTER(ACKS_OUT,     "replica_acks_out",        "acknowledgements sent")
COUNTER(JOINS_IN,     "replica_joins",           "times that a backup began a copy here")
COUNTER(JOINS_OUT,    "replica_asked",           "times that this host asked for a copy")
COUNTER(REFUSED,      "replica_refused",         "backups refused: this host is not primary, or the tables differ in size")
COUNTER(GAPS,         "replica_gaps",            "batches missing: the copy was begun anew")
COUNTER(UNREADABLE,   "replica_unreadable",      "batches that could not be taken over: the copy was begun anew")
COUNTER(DIFFERENCES,  "replica_differences",     "times that the copies differed; the backup begins its copy anew, the primary ships the object again")
COUNTER(STALE,        "drop_replica_stale",      "batches of a primary that is none any more")
COUNTER(RECORDS_LOST, "drop_replica_records",    "call records that did not get to the backup")
COUNTER(ASKS,         "replica_solo_asked",      "times that the right to go on without the backup was asked for")
COUNTER(SOLOS,        "replica_solos",           "times that the primary went on without it")
#undef COUNTER
/* clang-format on */
