"""Tests of the language: pure, in virtual time."""
