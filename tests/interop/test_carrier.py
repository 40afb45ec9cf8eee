"""What carriers' switches and phones send that packaged agents do not: dialogs told message by message (ua.py).  Run by test_peers.py."""
import sip
import world
from ua import Ua, listed, sdp
from world import Calls, until

HOLD_2543 = "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
T38 = "m=image 40002 udptl t38\r\na=T38FaxVersion:0\r\n"
ISUP = (b"--b\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--b\r\nContent-Type: application/isup;version=itu-t92+\r\n"
        b"Content-Disposition: signal;handling=optional\r\n\r\n\x01\x00\x49\x00\x00\x03\x02\x00\x07\r\n--b--\r\n")


class Carrier(Calls):
    phone_port = 5100

    def setUp(self):
        net = f"127.{world.NET}"
        Carrier.phone_port += 1
        self.gateway = self.ua(f"{net}.4.21", 6000 + Carrier.phone_port, "0300")
        self.phone = self.ua(f"{net}.4.61", Carrier.phone_port, "2010")
        self.register(self.phone, "2010")
        self.addCleanup(self.register, self.phone, "2010", expires=0)
        self.number = f"sip:2010@{world.site.server[0]}"

    def ua(self, address, port, user):
        ua = Ua(address, port, world.site.server, user)
        self.addCleanup(ua.socket.close)     # called after what is added later
        return ua

    def up(self, offer=None, answer=None, extra=(), phone_extra=(), **options):
        """A call from the gateway to the phone that stands."""
        leg = self.gateway.invite(self.number, offer or sdp(), extra, **options)
        other = self.phone.invited()
        other.answer(180)
        leg.expect(180)
        other.answer(200, answer or sdp(), phone_extra)
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        return leg, other

    def down(self, leg, other):
        leg.send("BYE")
        other.expect("BYE")
        other.answer(200)
        leg.expect(200, method="BYE")

    def ended(self, leg, other):
        self.down(leg, other)
        self.assertEqual([message.start for message in self.gateway.waiting + self.phone.waiting if message.method != b"OPTIONS"], [])

    # -- the body ----------------------------------------------------------------------------------------------

    def test_sdp_with_isup_beside_it_passes_byte_for_byte(self):
        body = ISUP % sdp()
        leg = self.gateway.invite(self.number, body, content='multipart/mixed;boundary="b"')
        other = self.phone.invited()
        self.assertEqual(other.last.body, body)
        self.assertEqual(other.last.first("content-type"), b'multipart/mixed;boundary="b"')
        other.answer(200, sdp())
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        self.ended(leg, other)

    def test_an_offer_of_three_kilobytes_passes(self):
        body = sdp(media="m=audio 40000 RTP/AVP 0\r\n" + "".join(f"a=candidate:{at} 1 UDP 2130706431 192.0.2.7 4{at:04} typ host\r\n"
                                                                for at in range(50)))
        leg, other = self.up(body)
        self.assertEqual(other.asked["INVITE"].body, body)
        self.ended(leg, other)

    def test_fax_by_re_invite_that_the_phone_refuses_leaves_the_call_as_it_was(self):
        """RFC 3261 14.1: a re-INVITE that fails changes nothing."""
        leg, other = self.up()
        leg.send("INVITE", sdp(media=T38, version=2))
        other.expect("INVITE")
        other.answer(488)
        leg.expect(488)
        other.expect("ACK")
        leg.send("INVITE", sdp(version=3))
        self.assertEqual(other.expect("INVITE").body, sdp(version=3))
        other.answer(200, sdp(version=2))
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        self.ended(leg, other)

    def test_hold_of_rfc_2543_passes_unchanged(self):
        leg, other = self.up()
        held = sdp(address="0.0.0.0", version=2)
        leg.send("INVITE", held)
        self.assertEqual(other.expect("INVITE").body, held)
        other.answer(200, sdp("recvonly", 2))
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        self.ended(leg, other)

    # -- addresses ---------------------------------------------------------------------------------------------

    def test_the_number_is_found_whatever_stands_around_it(self):
        server = world.site.server[0]
        for uri in (f"sip:2010@{server};user=phone", f"sip:2010@{server}:5060;transport=udp", f"sip:2010;npdi@{server}",
                    f"sip:2010;phone-context=example.com@{server};user=phone", f"sip:%32010@{server}", f"SIP:2010@{server}",
                    "tel:2010;phone-context=example.com"):
            with self.subTest(uri):
                leg = self.gateway.invite(uri, sdp())
                other = self.phone.invited()
                other.answer(486)
                leg.expect(486)
                other.expect("ACK")

    def test_an_anonymous_caller_and_a_name_in_utf_8_reach_the_phone(self):
        for fro in ('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a1', '"Jörg \\"J\\" Müller" <sip:+4930123@carrier.example>;tag=a2'):
            with self.subTest(fro):
                leg, other = self.up(fro=fro)
                self.assertEqual(other.asked["INVITE"].first("from").decode().split(">")[0].split("@")[0], fro.split(">")[0].split("@")[0])
                self.ended(leg, other)

    def test_a_route_that_names_the_server_is_ours_and_taken_off(self):
        """RFC 3261 16.4."""
        leg = self.gateway.invite(self.number, sdp(), (f"Route: <sip:{world.site.server[0]};lr>",))
        other = self.phone.invited()
        self.assertEqual(other.last.all("route"), [])
        other.answer(486)
        leg.expect(486)
        other.expect("ACK")

    def test_a_new_contact_in_a_re_invite_is_the_target_from_then_on(self):
        """RFC 3261 12.2.1.2, 12.2.2."""
        leg, other = self.up()
        moved = self.ua(self.gateway.host, 7000 + Carrier.phone_port, "0300")
        leg.send("INVITE", sdp(version=2), contact=moved.contact)
        other.expect("INVITE")
        other.answer(200, sdp(version=2))
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        other.send("BYE")
        leg.ua = moved
        leg.expect("BYE")
        leg.answer(200)
        other.expect(200, method="BYE")

    def test_ten_proxies_on_the_way_are_the_way_back(self):
        """RFC 3261 12.1.1: the route set in order; Via in order in each answer."""
        port = self.gateway.socket.getsockname()[1]
        here = f"{self.gateway.host}:{port}"
        via = [f"Via: SIP/2.0/UDP {here};branch=z9hG4bKtop;rport"] + [f"Via: SIP/2.0/UDP proxy{at}.example;branch=z9hG4bK{at}" for at in range(9)]
        routes = [f"Record-Route: <sip:{here};lr;n={at}>" for at in range(10)]
        leg = self.gateway.invite(self.number, sdp(), routes, via=via)
        other = self.phone.invited()
        other.answer(200, sdp())
        answer = leg.expect(200)
        self.assertEqual(len(answer.all("via")), 10)
        self.assertEqual(listed(answer.all("record-route")), [line.split(": ", 1)[1] for line in routes])
        leg.ack()
        other.expect("ACK")
        other.send("BYE")
        self.assertEqual(listed(leg.expect("BYE").all("route")), [line.split(": ", 1)[1] for line in routes])
        leg.answer(200)
        other.expect(200, method="BYE")

    # -- passwords -----------------------------------------------------------------------------------------------

    def test_a_phone_takes_sha_256_or_md5_of_what_it_is_offered(self):
        """RFC 8760 2.4.  With both offered baresip 1.0 gives up: so the default is one."""
        domain = f"sip:{world.site.server[0]}"

        def ask(**options):
            return self.phone.ask("REGISTER", domain, to=self.number, from_user="2010", **options)

        def offered():
            return [challenge["algorithm"] for challenge in sip.challenges_of(ask())]
        self.assertEqual(offered(), ["MD5"])
        with self.options(digest_sha256_first="true"):
            until(lambda: offered() == ["SHA-256", "MD5"], text="both are offered")
            for challenge in sip.challenges_of(ask()):
                line = sip.credentials(challenge, "REGISTER", domain, "2010", world.site.lab.deployment.phones["2010"])
                self.assertEqual(ask(extra=[line]).status, 200, line)
        until(lambda: offered() == ["MD5"], text="one is offered again")

    # -- the order of things -----------------------------------------------------------------------------------

    def test_early_media_then_ringing_then_the_answer(self):
        leg = self.gateway.invite(self.number, sdp())
        other = self.phone.invited()
        other.answer(183, sdp())
        self.assertEqual(leg.expect(183).body, sdp())
        other.answer(180)
        leg.expect(180)
        other.answer(200, sdp())
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        self.ended(leg, other)

    def test_a_cancel_that_meets_the_answer_ends_in_a_bye(self):
        """RFC 3261 9.1, 15: whichever wins, no side stays in a call alone."""
        leg = self.gateway.invite(self.number, sdp())
        other = self.phone.invited()
        other.answer(180)
        leg.expect(180)
        leg.cancel()
        other.answer(200, sdp())          # the CANCEL is on its way
        leg.expect(200, method="CANCEL")
        leg.expect(487)
        other.expect("CANCEL")
        other.answer(200)
        other.expect("ACK")
        other.expect("BYE")
        other.answer(200)

    def test_a_cancel_before_any_answer_waits_for_one(self):
        """RFC 3261 9.1: no CANCEL to who has not yet said that the INVITE arrived."""
        leg = self.gateway.invite(self.number, sdp())
        other = self.phone.invited()
        leg.cancel()
        leg.expect(200, method="CANCEL")
        leg.expect(487)
        other.nothing("CANCEL")
        other.answer(180)
        other.expect("CANCEL")
        other.answer(200)
        other.answer(487, method="INVITE")
        other.expect("ACK")

    def test_the_answer_counts_whichever_branch_it_comes_from(self):
        """RFC 3261 12.1.2, 13.2.2.4: behind a forking proxy one phone rings and another one answers."""
        leg = self.gateway.invite(self.number, sdp())
        other = self.phone.invited()
        other.answer(180)
        leg.expect(180)
        other.fro = other.fro.split(";tag=")[0] + ";tag=another"
        other.answer(200, sdp())
        leg.expect(200)
        leg.ack()
        self.assertIn(b";tag=another", other.expect("ACK").first("to"))
        self.ended(leg, other)

    def test_requests_out_of_order_or_of_no_dialog_are_refused(self):
        """RFC 3261 12.2.2."""
        leg, other = self.up()
        leg.cseq += 9
        leg.send("INFO", b"Signal=1\r\n", content="application/dtmf-relay")
        other.expect("INFO")
        other.answer(200)
        leg.expect(200, method="INFO")
        leg.send("INFO", b"Signal=2\r\n", content="application/dtmf-relay", cseq=3)
        leg.expect(500)
        known, leg.to = leg.to, leg.to[:-4] + "zzzz"
        leg.send("BYE")
        leg.expect(481)
        leg.to = known
        self.ended(leg, other)

    def test_one_call_that_arrives_over_two_ways_is_one_call(self):
        """RFC 3261 8.2.2.2: a merged request."""
        leg = self.gateway.invite(self.number, sdp())
        other = self.phone.invited()
        port = self.gateway.socket.getsockname()[1]
        leg.send("INVITE", sdp(), cseq=1, via=[f"Via: SIP/2.0/UDP {self.gateway.host}:{port};branch=z9hG4bKother;rport"])
        leg.expect(482)
        other.answer(486)
        self.gateway.next(lambda m: m.status == 486)
        other.expect("ACK")

    def test_re_invites_that_cross_are_both_refused_and_the_call_stays(self):
        """RFC 3261 14.1, 14.2."""
        leg, other = self.up()
        leg.send("INVITE", sdp("sendonly", 2))
        other.send("INVITE", sdp("sendonly", 2))
        other.expect("INVITE")
        other.answer(491, method="INVITE")
        for side in (leg, other):
            side.expect(491)
        other.expect("ACK")
        leg.send("INVITE", sdp("sendonly", 3))
        other.expect("INVITE")
        other.answer(200, sdp("recvonly", 3))
        leg.expect(200)
        leg.ack()
        other.expect("ACK")
        self.ended(leg, other)

    def test_a_bye_that_crosses_a_re_invite_ends_both_sides(self):
        leg, other = self.up()
        leg.send("INVITE", sdp(version=2))
        other.expect("INVITE")
        other.send("BYE")
        leg.expect("BYE")
        leg.answer(200, method="BYE")
        other.expect(200, method="BYE")
        other.answer(487, method="INVITE")
        self.assertIn(leg.ua.next(lambda m: m.first("cseq").endswith(b" INVITE") and (m.status or 0) >= 400).status, (481, 487))

    def test_answers_and_requests_that_come_twice_are_passed_on_once(self):
        leg, other = self.up()
        self.phone.known.clear()
        other.answer(200, sdp(), method="INVITE")        # the ACK was lost: it comes again (RFC 3261 13.2.2.4)
        other.expect("ACK")
        leg.send("INFO", b"Signal=5\r\n", content="application/dtmf-relay")
        other.expect("INFO")
        leg.again("INFO")
        other.answer(200)
        leg.expect(200, method="INFO")
        leg.again("INFO")
        leg.send("BYE")
        other.expect("BYE")
        other.answer(200)
        leg.expect(200, method="BYE")
        leg.again("BYE")
        self.assertIsNone(self.phone.next(lambda m: m.method in (b"INFO", b"BYE"), 0.3))

    def test_options_in_the_dialog_and_methods_that_nobody_knows_get_an_answer(self):
        leg, other = self.up()
        leg.send("OPTIONS")
        self.assertIn(self.gateway.next(lambda m: m.first("cseq").endswith(b" OPTIONS") and m.status).status, (200, 405, 501))
        leg.send("FLY")
        answer = self.gateway.next(lambda m: m.first("cseq").endswith(b" FLY"))
        self.assertIn(answer.status, (405, 501))
        self.assertRegex(answer.first("allow").decode(), r"INVITE.*BYE")
        self.ended(leg, other)

    def test_what_must_be_understood_and_is_not_is_refused_by_name(self):
        """RFC 3261 8.2.2.3."""
        leg = self.gateway.invite(self.number, sdp(), ("Require: fancy-feature",))
        self.assertEqual(leg.expect(420).first("unsupported"), b"fancy-feature")

    def test_a_request_without_max_forwards_and_one_in_short_form_are_served(self):
        leg, other = self.up(hops=None)
        self.assertRegex(other.asked["INVITE"].first("max-forwards").decode(), r"^\d+$")
        self.ended(leg, other)
