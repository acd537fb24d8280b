"""Tells when it began, and when it has found a web service on the loopback interface: `browse.py`."""

import json
import time

import zeroconf


class Heard(zeroconf.ServiceListener):
    def add_service(self, zc, kind, name):
        if zc.get_service_info(kind, name):
            print(json.dumps({"found": time.time_ns()}), flush=True)

    def update_service(self, zc, kind, name):
        pass

    def remove_service(self, zc, kind, name):
        pass


print(json.dumps({"begun": time.time_ns()}), flush=True)
browser = zeroconf.ServiceBrowser(zeroconf.Zeroconf(interfaces=["127.0.0.1"]), "_http._tcp.local.", Heard())
time.sleep(600)
