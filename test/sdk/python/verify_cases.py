"""Twilio's library for Python, as an application uses it: only the base URL is another. Run by python_test.go, to which each
test is told as one line of JSON."""

import datetime
import json
import os
import time
import unittest
import urllib.parse
import urllib.request

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

with open(os.environ["CREDENTIALS"]) as file:
    dev = json.load(file)


def new_client(token=dev["twilio"]["auth_token"]):
    client = Client(dev["twilio"]["account_sid"], token)
    client.verify.base_url = dev["twilio"]["base_url"]
    return client


services = new_client().verify.v2.services
used = iter(range(1, 1000))


def number():
    """One that no other test has."""
    return "+447700900%03d" % next(used)


def code(to):
    """The code in the first message to a recipient, once it has come."""
    for _ in range(500):
        with urllib.request.urlopen(dev["base_url"] + "/dev/inbox?to=" + urllib.parse.quote(to, safe="")) as answer:
            messages = json.load(answer)["messages"]
        if messages:
            return messages[-1]["code"]
        time.sleep(0.01)
    raise AssertionError("no message came")


def wrong(right):
    """A code of the same length that is not the right one."""
    return ("1" if right[0] == "0" else "0") + right[1:]


class Verify(unittest.TestCase):
    def service(self, **settings):
        sid = services.create(friendly_name="Acme", **settings).sid
        self.addCleanup(lambda: services(sid).delete())
        return services(sid)

    def refused(self, status, number, call, says=""):
        with self.assertRaises(TwilioRestException) as raised:
            call()
        self.assertEqual((raised.exception.status, raised.exception.code), (status, number))
        self.assertIn(says, raised.exception.msg)

    def is_recent(self, at):
        self.assertIsInstance(at, datetime.datetime)
        self.assertLess(abs(datetime.datetime.now(datetime.timezone.utc) - at), datetime.timedelta(minutes=1))

    def test_a_service_is_made_changed_and_removed(self):
        made = services.create(friendly_name="Shop", code_length=8, totp_skew=2)
        self.assertEqual((made.code_length, made.totp["skew"], made.custom_code_enabled), (8, 2, False))
        self.is_recent(made.date_created)
        changed = made.update(custom_code_enabled=True)
        self.assertEqual((changed.code_length, changed.custom_code_enabled), (8, True))
        self.assertTrue(made.delete())
        self.refused(404, 20404, lambda: services(made.sid).fetch(), "/v2/Services/" + made.sid)

    def test_a_code_by_sms_is_checked(self):
        service, to = self.service(), number()
        v = service.verifications.create(to=to, channel="sms")
        self.assertEqual((v.to, v.channel, v.status, v.valid, v.lookup), (to, "sms", "pending", False, {"carrier": None}))
        self.is_recent(v.date_created)
        right = code(to)
        miss = service.verification_checks.create(to=to, code=wrong(right))
        self.assertEqual((miss.sid, miss.status, miss.valid), (v.sid, "pending", False))
        hit = service.verification_checks.create(verification_sid=v.sid, code=right)
        self.assertEqual((hit.sid, hit.status, hit.valid), (v.sid, "approved", True))
        self.refused(404, 20404, lambda: service.verification_checks.create(to=to, code=right))

    def test_a_resend_is_the_same_verification(self):
        service, to = self.service(), number()
        first = service.verifications.create(to=to, channel="sms")
        again = service.verifications.create(to=to, channel="call")
        self.assertEqual((again.sid, again.channel, len(again.send_code_attempts)), (first.sid, "call", 2))

    def test_a_verification_is_fetched_and_canceled_by_its_number(self):
        service, to = self.service(), number()
        v = service.verifications.create(to=to, channel="sms")
        self.assertEqual(service.verifications(to).fetch().sid, v.sid)
        gone = service.verifications(to).update(status="canceled")
        self.assertEqual((gone.sid, gone.status), (v.sid, "canceled"))
        self.refused(404, 20404, lambda: service.verifications(v.sid).fetch())

    def test_the_sixth_send_and_the_sixth_check_are_refused(self):
        service, to = self.service(), number()
        for _ in range(5):
            service.verifications.create(to=to, channel="sms")
        self.refused(429, 60203, lambda: service.verifications.create(to=to, channel="sms"))
        right = code(to)
        for _ in range(5):
            service.verification_checks.create(to=to, code=wrong(right))
        self.refused(429, 60202, lambda: service.verification_checks.create(to=to, code=right))

    def test_an_invalid_parameter_is_named(self):
        service = self.service()
        self.refused(400, 60200, lambda: service.verifications.create(to="123", channel="sms"), "`To`")
        self.refused(400, 60200, lambda: service.verifications.create(to=number(), channel="fax"), "`Channel`")
        self.refused(403, 60204, lambda: service.verifications.create(to=number(), channel="sms", custom_code="123456"))
        self.refused(400, 60221, lambda: service.verification_checks.create(code="123456"))

    def test_a_wrong_token_is_told_and_nothing_else(self):
        self.refused(401, 20003, lambda: new_client("0" * 60).verify.v2.services("VA" + "0" * 32).fetch(), "Authenticate")

    def test_a_list_goes_on_over_all_pages(self):
        service = self.service()
        made = sorted("ident-000%d" % i for i in range(5))
        for identity in made:
            service.entities.create(identity=identity)
        for size in (1, 2, 5, 50):
            self.assertEqual(sorted(e.identity for e in service.entities.list(page_size=size)), made)
        self.assertEqual(len(service.entities.list(limit=3, page_size=2)), 3)
        self.assertEqual(sorted(e.identity for e in service.entities.stream(page_size=2)), made)
        self.assertEqual(len(list(service.entities.page(page_size=2).next_page())), 2)

    def test_a_page_leads_back(self):
        for _ in range(4):
            self.service()
        first = services.page(page_size=2)
        sids = [s.sid for s in first]
        self.assertEqual([s.sid for s in first.next_page().previous_page()], sids)

    def test_an_authenticator_is_enrolled(self):
        entity = self.service().entities("ident-0001")
        made = entity.new_factors.create(factor_type="totp", friendly_name="phone", config_skew=2)
        self.assertEqual((made.status, made.config["skew"]), ("unverified", 2))
        self.assertTrue(made.binding["uri"].startswith("otpauth://totp/Acme"))
        self.assertFalse(hasattr(entity.factors(made.sid).fetch(), "binding"))
        self.refused(403, 60318, lambda: entity.challenges.create(factor_sid=made.sid))


class Told(unittest.TextTestResult):
    """Prints each outcome."""

    def tell(self, test, error=None):
        name = test.id().rpartition(".")[2].replace("test_", "", 1).replace("_", " ")
        text = self._exc_info_to_string(error, test) if error else ""
        print(json.dumps({"name": name, "error": text}), flush=True)

    def addSuccess(self, test):
        self.tell(test)

    def addFailure(self, test, err):
        self.tell(test, err)

    def addError(self, test, err):
        self.tell(test, err)


if __name__ == "__main__":
    unittest.TextTestRunner(resultclass=Told, verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(Verify))
