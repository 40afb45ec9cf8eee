/* clang-format off */
/* METHOD(name, creates or refreshes a dialog's target, source) */
METHOD(INVITE,    true,  "RFC 3261 13")
METHOD(ACK,       false, "RFC 3261 13.2.2.4, 17.1.1.3")
METHOD(BYE,       false, "RFC 3261 15")
METHOD(CANCEL,    false, "RFC 3261 9")
METHOD(REGISTER,  false, "RFC 3261 10")
METHOD(OPTIONS,   false, "RFC 3261 11")
METHOD(PRACK,     false, "RFC 3262")
METHOD(SUBSCRIBE, true,  "RFC 6665")
METHOD(NOTIFY,    true,  "RFC 6665")
METHOD(PUBLISH,   false, "RFC 3903")
METHOD(INFO,      false, "RFC 6086")
METHOD(REFER,     true,  "RFC 3515")
METHOD(MESSAGE,   false, "RFC 3428")
METHOD(UPDATE,    true,  "RFC 3311")
#undef METHOD
/* clang-format on */
