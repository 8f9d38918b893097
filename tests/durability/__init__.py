"""Tests that break things: daemons and servers are killed, frozen and cut off; nothing is lost or done twice."""
