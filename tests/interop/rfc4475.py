"""Messages of our own for every section of RFC 4475, chapter 3: what each section tests, in other words and bytes.

A case is section, name, class, outcome, message, body.  Classes and outcomes are those of INDEX.tsv (see torture):
V valid; S well-formed, but special; I malformed; I? malformed, may be repaired.  The outcome begins with what must happen.

In a message each line ends with CR LF; LENGTH stands for the true length of the body.  Bytes that cannot be read are escapes.
"""

SDP = (b"v=0\r\no=harbor 714 9 IN IP4 198.51.100.24\r\ns=-\r\nc=IN IP4 198.51.100.24\r\nt=0 0\r\n"
       b"m=audio 40110 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\n")

CASES = []


def case(section, name, kind, outcome, head, body=b""):
    head = head.strip(b"\n").replace(b"\n", b"\r\n").replace(b"LENGTH", str(len(body)).encode()) + b"\r\n\r\n"
    CASES.append((section, name, kind, outcome, head + body))


# ---- 3.1.1 valid messages ----------------------------------------------------------------------------------------------

case("3.1.1.1", "folds", "V", "accept: white space and folds wherever the grammar has them, compact and mixed-case names, an empty header, "
     "leading zeros, unknown headers and parameters, several Vias on a line", rb"""
INVITE sip:tomasz@quay.harbor.example;weight=3;lr SIP/2.0
t :
   sip:tomasz@quay.harbor.example ;   shade = "dark, \"blue\""
fROM   : "M\\irela \"the mate\" Sol"       <sip:mirela@skiff.harbor.example>
  ;
  tAg   = k7-zz
mAx-fORwards:   0068
CALL-id  	:
 folds.4410@198.51.100.24
sUBJECT   :
CSeq  :    000000041
 INVITE
vIA  : SIP /
 2.0
   / UDP
      198.51.100.24 ; branch
  = z9hG4bK-f1 ;   hue = red
v:SIP/2.0/TCP  deck.harbor.example;branch=z9hG4bK-f2,SIP  /2.0/ TLS	hull.harbor.example
  ; branch = z9hG4bK-f3
X-Fathoms  : one ,
  two;;three,, "fo\"ur"
 	,
m:"Skiff, 4" <sip:mirela@198.51.100.24;transport=udp?Subject=none>;reach = 2 ; q= 0.4
rOUTE	:
 <sip:127.131.1.100;lr;vessel=%71uay>
c : application/sdp
l :
   LENGTH
""", SDP)

case("3.1.1.2", "alphabet", "V", "accept or 501 or 405: every character that a method, a user, a display name and a header may have", rb"""
Dock-It.Now!%*_+`'~OK7 sip:tide_9!~*'(%20)&=+$,;?/:p-w&=+$,!~*'()_.@quay.harbor.example;a[]/:&+$=b[]/:&+$ SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK.-!%*_+`'~9
To: "\"\\\!\ ~""" + b" \xe6\xb8\xaf \xc3\x98re\" <sip:tide_9!~*'(%20)&=+$,;?/@quay.harbor.example>" + rb"""
From: q-.!%*_+`'~w <sip:wharf@harbor.example>;tag=_`'~+!%*.-3;any-.!%*_+`'~p="\"\\,;<>"
Call-ID: all-.!%*_+`'~()<>:\"/[]?{}@-.!%*_+`'~()<>:\"/[]?{}
CSeq: 2147483647 Dock-It.Now!%*_+`'~OK7
Max-Forwards: 255
x-.!%*_+`'~7: """ + b"\xe2\x9a\x93 anything \xc2\xbf, with \xf0\x9f\x9a\xa2 in it" + rb"""
Content-Length: 0
""")

case("3.1.1.3", "escapes", "V", "accept: escapes in the user part, of letters, of reserved and of non-ASCII bytes", rb"""
INVITE sip:%74%6fmasz%3Bnight%40d%C3%B6ck@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-e1
To: <sip:%74omasz@quay.harbor.example>
From: <sip:m%69rela%3f@skiff.harbor.example>;tag=e1
Call-ID: escapes.3@198.51.100.24
CSeq: 3 INVITE
Max-Forwards: 40
Contact: <sip:%6D@198.51.100.24;%6Cane=%35>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.1.4", "null-escapes", "V", "accept: %00 in a user part is one more byte of it and ends nothing", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-n0
To: sip:%00keel%00@harbor.example
From: sip:%00keel%00@harbor.example;tag=n0
Call-ID: null.escapes.4
CSeq: 71 REGISTER
Max-Forwards: 70
Contact: <sip:%00@198.51.100.24>
Contact: <sip:%00%00@198.51.100.24>
Content-Length: 0
""")

case("3.1.1.5", "percent-no-escape", "V", "accept or 501 or 405: outside of URIs a percent sign is a character like others; this method is not OPTIONS", rb"""
OPT%49ONS sip:quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK%p%41
To: "50%, %zz" <sip:rate@harbor.example>
From: %41 <sip:rate@harbor.example>;tag=%41%
Call-ID: percent%%5@198.51.100.24
CSeq: 5 OPT%49ONS
Max-Forwards: 70
%54o: <sip:not-a-To@harbor.example>
Content-Length: 0
""")

case("3.1.1.6", "display-touches-bracket", "V", "accept: no white space between a display name and <", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-db
To: Tomasz<sip:tomasz@quay.harbor.example>
From: Mirela<sip:mirela@skiff.harbor.example>;tag=db
Call-ID: touch.6@198.51.100.24
CSeq: 6 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.1.7", "long", "V", "accept: long values of every kind and many Vias", b"""
INVITE sip:tomasz@""" + b"quay." * 12 + b"harbor.example;" + b"longparameter" * 12 + b"=" + b"v" * 140 + b""" SIP/2.0
To: \"""" + b"Very " * 30 + b"\" <sip:tomasz@" + b"quay." * 12 + b"harbor.example;" + b"p" * 150 + b"=" + b"q" * 150 + b""">
From: sip:mirela@skiff.harbor.example;tag=""" + b"t" * 150 + b""";""" + b"f" * 200 + b"""
Call-ID: """ + b"long." * 30 + b"""7
CSeq: 77 INVITE
Max-Forwards: 70
""" + b"X-" + b"Unknown" * 30 + b": " + b"fathom, " * 80 + b"""
Via: SIP/2.0/TLS gate.harbor.example;branch=z9hG4bK""" + b"g" * 100 + b"\n" +
     b"".join(b"Via: SIP/2.0/UDP hop%d.harbor.example:5060;branch=z9hG4bK-hop-%d;received=203.0.113.%d\n" % (n, n, n)
              for n in range(28, 0, -1)) + b"""Contact: <sip:mirela@""" + b"skiff." * 20 + b"""harbor.example>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.1.8", "trailing-request", "V", "accept: over UDP what stands behind the body is ignored, a whole second request included", rb"""
OPTIONS sip:first@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-t8a
To: <sip:first@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=t8
Call-ID: trailing.first.8
CSeq: 8 OPTIONS
Max-Forwards: 70
Content-Length: 0

OPTIONS sip:second@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-t8b
To: <sip:second@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=t8
Call-ID: trailing.second.8
CSeq: 9 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.1.9", "semicolon-user", "V", "accept: semicolons before the @ belong to the user, not to parameters", rb"""
OPTIONS sip:tomasz;deck=2;rank%3Dmate@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-s9
To: sip:other@quay.harbor.example
From: <sip:mirela;off@skiff.harbor.example;on>;tag=s9
Call-ID: semicolon.9@198.51.100.24
CSeq: 9 OPTIONS
Max-Forwards: 70
Accept: application/sdp
Content-Length: 0
""")

case("3.1.1.10", "transports", "V", "accept: known and unknown transports in Vias", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-tr1
Via: SIP/2.0/CARRIER-PIGEON loft.harbor.example;branch=z9hG4bK-tr2
Via: SIP/2.0/SCTP [2001:db8:6:1::9];branch=z9hG4bK-tr3
Via: SIP/2.0/TLS [2001:db8:6:1::a]:5071;branch=z9hG4bK-tr4
Via: SIP/2.0/TCP 203.0.113.9:9;branch=z9hG4bK-tr5
To: <sip:tomasz@quay.harbor.example;transport=pigeon>
From: <sip:mirela@skiff.harbor.example;transport=WS>;tag=tr
Call-ID: transports.10
CSeq: 10 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.1.11", "multipart", "V", "accept or 405: a multipart body with binary parts is carried or refused by its method, never read as headers", rb"""
MESSAGE sip:2001@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-mp
To: <sip:2001@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=mp
Call-ID: multipart.11
CSeq: 11 MESSAGE
Max-Forwards: 70
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="tide=\"7"
Content-Length: LENGTH
""", b"--tide=\"7\r\nContent-Type: text/plain\r\n\r\nnoon\r\n--tide=\"7\r\nContent-Type: application/octet-stream\r\n"
     b"Content-Transfer-Encoding: binary\r\n\r\n\x00\x01\r\n\r\n\xff\xfe\x80SIP/2.0 200 OK\r\n\x00\r\n--tide=\"7--\r\n")

case("3.1.1.12", "odd-reason", "V", "drop: a response to nobody; its reason phrase has reserved, quoted and non-ASCII characters", rb"""
SIP/2.0 200 = 1*"%x";<aye> \ """ + b"\xd0\xb4\xd0\xbe\xd0\xb1\xd1\x80\xd0\xbe \xe2\x9a\x93" + rb"""
Via: SIP/2.0/UDP 203.0.113.40;branch=z9hG4bK-or
To: <sip:tomasz@quay.harbor.example>;tag=or2
From: <sip:mirela@skiff.harbor.example>;tag=or1
Call-ID: reason.12
CSeq: 12 INVITE
Contact: <sip:tomasz@203.0.113.41>
Content-Length: 0
""")

case("3.1.1.13", "empty-reason", "V", "drop: a response to nobody, without a reason phrase but with the space before it", b"""
SIP/2.0 180\x20
Via: SIP/2.0/UDP 203.0.113.40;branch=z9hG4bK-er
To: <sip:tomasz@quay.harbor.example>;tag=er2
From: <sip:mirela@skiff.harbor.example>;tag=er1
Call-ID: reason.13
CSeq: 13 INVITE
Content-Length: 0
""")

# ---- 3.1.2 malformed messages ------------------------------------------------------------------------------------------

case("3.1.2.1", "separators", "I", "400: empty values between commas and semicolons in Via and Contact", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=sp
Call-ID: separators.1
CSeq: 21 INVITE
Max-Forwards: 70
Via: SIP/2.0/UDP 198.51.100.24;;;branch=z9hG4bK-sp,;,,
Contact: "Skiff" <>;;,, ;,<sip:mirela@198.51.100.24>
Content-Length: 0
""")

case("3.1.2.2", "length-too-large", "I", "400: Content-Length says more than the datagram has", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ll
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=ll
Call-ID: length.2
CSeq: 22 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: 61440
""", SDP)

case("3.1.2.3", "length-negative", "I", "400: a Content-Length below zero", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ln
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=ln
Call-ID: length.3
CSeq: 23 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: -1
""", SDP)

case("3.1.2.4", "request-numbers", "I", "400: numbers of a request beyond 32 bits, of CSeq beyond 31", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-rn
To: <sip:2001@harbor.example>
From: <sip:2001@harbor.example>;tag=rn
Call-ID: numbers.4
CSeq: 18446744073709551617 REGISTER
Max-Forwards: 4294967366
Expires: 99999999999999999999999999999999999999999999999999
Contact: <sip:2001@198.51.100.24>;expires=1099511627776
Content-Length: 0
""")

case("3.1.2.5", "response-numbers", "I", "drop: a response whose numbers are beyond all bounds", rb"""
SIP/2.0 503 Service Unavailable
Via: SIP/2.0/UDP 203.0.113.40;branch=z9hG4bK-sn
To: <sip:tomasz@quay.harbor.example>;tag=sn2
From: <sip:mirela@skiff.harbor.example>;tag=sn1
Call-ID: numbers.5
CSeq: 73786976294838206464 INVITE
Retry-After: 340282366920938463463374607431768211456
Warning: 99999 tides "overflow"
Content-Length: 0
""")

case("3.1.2.6", "open-quote", "I", "400: a display name whose quote is never closed", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-oq
To: "Tomasz of the quay <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=oq
Call-ID: quote.6
CSeq: 26 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.2.7", "bracketed-target", "I", "400: the Request-URI stands in < >", rb"""
INVITE <sip:tomasz@quay.harbor.example> SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-bt
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=bt
Call-ID: target.7
CSeq: 27 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.2.8", "space-in-target", "I?", "400: white space inside the Request-URI", rb"""
INVITE sip:tomasz@quay.harbor.example; deck=2 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-st
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=st
Call-ID: target.8
CSeq: 28 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.2.9", "wide-request-line", "I?", "400: more than one space between the elements of the request line", rb"""
INVITE   sip:tomasz@quay.harbor.example  SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-wr
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=wr
Call-ID: target.9
CSeq: 29 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.2.10", "request-line-end", "I?", "400: white space behind the version", b"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0 \x09\x20
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-re
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=re
Call-ID: target.10
CSeq: 30 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.2.11", "headers-in-target", "I?", "400: a Request-URI carries no headers (RFC 3261 19.1.1)", rb"""
INVITE sip:tomasz@quay.harbor.example?Route=%3Csip:gate.harbor.example%3Blr%3E&Subject=x SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ht
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=ht
Call-ID: target.11
CSeq: 31 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.2.12", "date-zone", "I?", "accept or 400: a Date in another zone than GMT; nothing here needs it", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-dz
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=dz
Call-ID: date.12
CSeq: 32 INVITE
Max-Forwards: 70
Date: Tue, 14 Mar 2017 07:31:02 CEST
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.2.13", "unbracketed-contact", "I", "400: a Contact with headers in its URI that is not in < >", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-uc
To: sip:2001@harbor.example
From: sip:2001@harbor.example;tag=uc
Call-ID: contact.13
CSeq: 33 REGISTER
Max-Forwards: 70
Contact: sip:2001@198.51.100.24?Route=%3Csip:gate.harbor.example%3E
Content-Length: 0
""")

case("3.1.2.14", "spaces-in-brackets", "I?", "400: white space between < and the URI", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-sb
To: "Tomasz, quay" <  sip:tomasz@quay.harbor.example	>
From: <sip:mirela@skiff.harbor.example>;tag=sb
Call-ID: brackets.14
CSeq: 34 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.2.15", "bare-display-name", "I?", "400: a display name without quotes that has other characters than a token", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-bd
To: Quay, Tomasz (mate) <sip:tomasz@quay.harbor.example>
From: M: Sol <sip:mirela@skiff.harbor.example>;tag=bd
Call-ID: display.15
CSeq: 35 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.2.16", "other-version", "I", "505: a version that is not spoken here", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/3.1
Via: SIP/3.1/UDP 198.51.100.24;branch=z9hG4bK-ov
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=ov
Call-ID: version.16
CSeq: 36 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.2.17", "other-method", "I", "400: the method of CSeq is another known one", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-om
To: <sip:2001@harbor.example>
From: <sip:2001@harbor.example>;tag=om
Call-ID: method.17
CSeq: 37 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.1.2.18", "other-unknown-method", "I", "400 or 501: the method is unknown, and that of CSeq is another", rb"""
MOOR sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ou
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=ou
Call-ID: method.18
CSeq: 38 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.1.2.19", "status-too-large", "I", "drop: a response with a status of ten digits", rb"""
SIP/2.0 2000000200 Aye
Via: SIP/2.0/UDP 203.0.113.40;branch=z9hG4bK-sl
To: <sip:tomasz@quay.harbor.example>;tag=sl2
From: <sip:mirela@skiff.harbor.example>;tag=sl1
Call-ID: status.19
CSeq: 39 INVITE
Contact: <sip:tomasz@203.0.113.41>
Content-Length: 0
""")

# ---- 3.2 transactions --------------------------------------------------------------------------------------------------

case("3.2.1", "cookie-only", "S", "accept: a branch of the magic cookie alone identifies nothing; RFC 2543 rules match it", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK
To: sip:tomasz@quay.harbor.example
From: sip:mirela@skiff.harbor.example;tag=co
Call-ID: cookie.1
CSeq: 41 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

# ---- 3.3 what the application must see ---------------------------------------------------------------------------------

case("3.3.1", "headers-missing", "I", "400: no To, From and Call-ID; the answer carries what there was", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-hm
CSeq: 51 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.3.2", "unknown-scheme", "S", "416: a Request-URI of a scheme that nobody knows", rb"""
OPTIONS moorage:berth(7)?tide=high SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-us
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=us
Call-ID: scheme.2
CSeq: 52 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.3.3", "other-known-scheme", "S", "416: a Request-URI of a scheme that is well known elsewhere", rb"""
OPTIONS https://quay.harbor.example:8443/berths/7?tide=high#now SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ok
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=ok
Call-ID: scheme.3
CSeq: 53 OPTIONS
Max-Forwards: 70
Content-Length: 0
""")

case("3.3.4", "schemes-in-headers", "S", "400: unknown schemes in headers are no fault of the message, but no address of ours to register", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-sh
To: imo:9074729
From: <ftp://files.harbor.example/~mirela>;tag=sh
Call-ID: scheme.4
CSeq: 54 REGISTER
Max-Forwards: 70
Contact: <berth:seven>
Content-Length: 0
""")

case("3.3.5", "extensions-required", "S", "420: Require and Proxy-Require name what nobody has", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-xr
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=xr
Call-ID: extension.5
CSeq: 55 OPTIONS
Max-Forwards: 70
Require: no-such-sail, nor-this-one
Proxy-Require: no-such-anchor
Content-Length: 0
""")

case("3.3.6", "unknown-body", "S", "415: a body of a type that is not understood here", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ub
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=ub
Call-ID: body.6
CSeq: 56 INVITE
Max-Forwards: 70
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/x-signal-flags
Content-Length: LENGTH
""", b"\x01\x02flags\x00")

case("3.3.7", "unknown-credentials", "S", "401: credentials of an unknown scheme are as good as none", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-uk
To: <sip:2001@harbor.example>
From: <sip:2001@harbor.example>;tag=uk
Call-ID: credentials.7
CSeq: 57 REGISTER
Max-Forwards: 70
Authorization: SealedLetter wax="red", bearer=gull; sworn
Contact: <sip:2001@198.51.100.24>
Content-Length: 0
""")

case("3.3.8", "single-twice", "I", "400: headers that may be there once are there twice", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-s2
CSeq: 58 INVITE
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=s2
Call-ID: twice.8
Max-Forwards: 70
Call-ID: twice.8.again
To: <sip:somebody@quay.harbor.example>
CSeq: 5800 INVITE
From: <sip:nobody@skiff.harbor.example>;tag=s22
Max-Forwards: 6
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.3.9", "two-lengths", "I", "400: two Content-Lengths that differ", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-tl
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=tl
Call-ID: lengths.9
CSeq: 59 OPTIONS
Max-Forwards: 70
Content-Type: text/plain
Content-Length: 5
l: 17
""", b"seventeen octets.")

case("3.3.10", "broadcast-via", "S", "drop: a response with a second Via that names the broadcast address is not ours and goes nowhere", rb"""
SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.131.1.100:5060;branch=z9hG4bK-bv1
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK-bv2
To: <sip:tomasz@quay.harbor.example>;tag=bv2
From: <sip:mirela@skiff.harbor.example>;tag=bv1
Call-ID: broadcast.10
CSeq: 60 INVITE
Contact: <sip:tomasz@203.0.113.41>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

case("3.3.11", "no-hops-left", "S", "accept or 483: Max-Forwards 0 ends a request here; OPTIONS for this server is answered", rb"""
OPTIONS sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-nh
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=nh
Call-ID: hops.11
CSeq: 61 OPTIONS
Max-Forwards: 0
Content-Length: 0
""")

case("3.3.12", "contact-parameter", "S", "accept: an unknown parameter of a Contact", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-cp
To: <sip:2001@harbor.example>
From: <sip:2001@harbor.example>;tag=cp
Call-ID: contact.12
CSeq: 62 REGISTER
Max-Forwards: 70
Contact: sip:+4930555000@198.51.100.24;berth;pier="7, east"
Content-Length: 0
""")

case("3.3.13", "contact-uri-parameter", "S", "accept: an unknown parameter of a Contact's URI", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-cu
To: <sip:2001@harbor.example>
From: <sip:2001@harbor.example>;tag=cu
Call-ID: contact.13b
CSeq: 63 REGISTER
Max-Forwards: 70
Contact: <sip:+4930555000@198.51.100.24;berth;pier=%37>
Content-Length: 0
""")

case("3.3.14", "contact-headers", "S", "accept: headers in a Contact's URI, escaped and in < >", rb"""
REGISTER sip:harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-ch
To: <sip:2001@harbor.example>
From: <sip:2001@harbor.example>;tag=ch
Call-ID: contact.14
CSeq: 64 REGISTER
Max-Forwards: 70
m:<sip:2001@198.51.100.24?Route=%3Csip:gate.harbor.example%3Blr%3E>
l:0
""")

case("3.3.15", "nothing-acceptable", "S", "406: the caller accepts answers of an unknown type only", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.24;branch=z9hG4bK-na
To: <sip:tomasz@quay.harbor.example>
From: <sip:mirela@skiff.harbor.example>;tag=na
Call-ID: accept.15
CSeq: 65 INVITE
Max-Forwards: 70
Accept: text/x-semaphore
Contact: <sip:mirela@198.51.100.24>
Content-Type: application/sdp
Content-Length: LENGTH
""", SDP)

# ---- 3.4 the older SIP -------------------------------------------------------------------------------------------------

case("3.4.1", "rfc2543", "S", "accept: an INVITE of RFC 2543: no branch, no tag, no Max-Forwards, no Contact", rb"""
INVITE sip:tomasz@quay.harbor.example SIP/2.0
Via: SIP/2.0/UDP old-gw.harbor.example
From: "Old gateway" <sip:+4930555001@old-gw.harbor.example;user=phone>
To: sip:+4930555002@quay.harbor.example;user=phone
Call-ID: 2543.1@old-gw.harbor.example
CSeq: 66 INVITE
Record-Route: <sip:tomasz@quay.harbor.example;maddr=203.0.113.7>
Content-Type: application/sdp
""", SDP)

assert len(CASES) == 49 and len({name for _, name, *_ in CASES}) == 49
