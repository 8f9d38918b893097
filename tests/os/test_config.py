"""The configuration: where it comes from, what it refuses and what it never shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from statebox.config import Address, Config, ConfigError, Secret, load, options

NOWHERE = Path("/nonexistent/statebox.toml")
TOKEN = "0123456789abcdef"


def configured(
    flags: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Config:
    return load(flags or {}, environment or {}, file, NOWHERE)


def problems(
    flags: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        configured(flags, environment, file)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "statebox.toml"


def revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


class TestSources:
    def test_with_nothing_said_the_defaults_hold(self):
        config = configured()
        assert config == Config()
        assert config.redis.url == "redis://127.0.0.1:6379"
        assert config.http.listen == Address("127.0.0.1", 8083)
        assert config.daemon.name is None
        assert {setting.origin for setting in config.describe()} == {"default"}

    def test_flags_beat_the_environment_which_beats_credentials_and_the_file(self, file: Path, tmp_path: Path):
        file.write_text('[redis]\nprefix = "f"\ndatabase = 1\nshards = 2\npassword = "file"\n')
        (tmp_path / "redis.password").write_text("credential\n")
        environment = {
            "STATEBOX_CONFIG": str(file),
            "STATEBOX_REDIS_PREFIX": "e",
            "STATEBOX_REDIS_DATABASE": "2",
            "CREDENTIALS_DIRECTORY": str(tmp_path),
        }

        config = configured({"redis.prefix": "flag", "redis.database": None}, environment)

        assert (config.redis.prefix, config.redis.database, config.redis.shards) == ("flag", 2, 2)
        assert revealed(config.redis.password) == "credential"
        assert config.origins == {
            "redis.prefix": "flag --redis-prefix",
            "redis.database": "environment STATEBOX_REDIS_DATABASE",
            "redis.shards": f"{file} [redis] shards",
            "redis.password": "credential redis.password",
        }

    def test_the_default_file_is_read_when_it_is_there(self, file: Path):
        file.write_text("[daemon]\nlease_seconds = 20\n")
        assert load({}, {}, default_file=file).daemon.lease_seconds == 20.0

    def test_a_secret_can_stand_in_a_file_that_the_environment_names(self, tmp_path: Path):
        (tmp_path / "key").write_text("uuid:key\n")
        config = configured(environment={"STATEBOX_OPENWHISK_AUTH_FILE": str(tmp_path / "key")})
        assert revealed(config.openwhisk.auth) == "uuid:key"
        assert config.origins["openwhisk.auth"] == f"file {tmp_path}/key (environment STATEBOX_OPENWHISK_AUTH_FILE)"

    def test_an_empty_variable_is_one_that_is_not_set(self):
        assert configured(environment={"STATEBOX_NAME": "", "STATEBOX_REDIS_PASSWORD": ""}) == Config()

    def test_what_clients_tests_and_kubernetes_set_is_left_alone(self):
        environment = {
            "STATEBOX_ENDPOINT": "http://127.0.0.1:8083",
            "STATEBOX_TEST_SERVERS": "valkey",
            "STATEBOX_PORT": "tcp://10.0.0.1:8083",
            "STATEBOX_PORT_8083_TCP_ADDR": "10.0.0.1",
            "STATEBOX_SERVICE_HOST": "10.0.0.1",
        }
        assert configured(environment=environment) == Config()

    def test_a_relative_path_in_a_file_starts_from_its_folder(self, file: Path, tmp_path: Path):
        (tmp_path / "machines").mkdir()
        file.write_text('[daemon]\nmachines = "machines"\n')
        assert configured(file=file).daemon.machines == tmp_path / "machines"

    def test_toml_values_and_words_mean_the_same(self, file: Path):
        file.write_text(
            f"[http]\ntokens = ['{TOKEN}', '{TOKEN}2']\nallowed_hosts = ['a.example', 'b.example']\n"
            "wait_seconds = 1.5\nmax_body_bytes = 4096\nreuse_port = true\nlisten = '[::1]:80'\n"
        )
        words = {
            "STATEBOX_TOKENS": f"{TOKEN} {TOKEN}2",
            "STATEBOX_ALLOWED_HOSTS": "a.example, b.example",
            "STATEBOX_WAIT_SECONDS": "1.5",
            "STATEBOX_MAX_BODY_BYTES": "4096",
            "STATEBOX_REUSE_PORT": "yes",
            "STATEBOX_LISTEN": "[::1]:80",
        }
        assert configured(file=file) == configured(environment=words)

    def test_each_option_has_a_variable_of_its_own_and_each_but_secrets_a_flag(self):
        every = list(options())
        assert len({option.variable for option in every}) == len(every)
        assert {option.flag for option in every if option.section == "http" and option.flag} >= {
            "--listen",
            "--allow-remote-without-token",
        }
        assert [option.key for option in every if option.flag is None] == [
            "redis.username",
            "redis.password",
            "redis.sentinel_username",
            "redis.sentinel_password",
            "http.tokens",
            "http.viewer_tokens",
            "http.access_keys",
            "http.viewer_access_keys",
            "openwhisk.auth",
            "openwhisk.bearer",
        ]


class TestRedisUrl:
    @pytest.mark.parametrize(
        ("url", "kept", "database", "username", "password"),
        [
            ("redis://redis.example", "redis://redis.example:6379", 0, None, None),
            ("rediss://box:p%40ss@redis.example:6380/3", "rediss://redis.example:6380", 3, "box", "p@ss"),
            ("redis://:pass@[::1]:7000?db=2", "redis://[::1]:7000", 2, None, "pass"),
            ("unix:///run/redis/redis.sock?db=1&password=pass", "unix:///run/redis/redis.sock", 1, None, "pass"),
            ("unix://box:pass@/run/redis.sock", "unix:///run/redis.sock", 0, "box", "pass"),
            ("redis+cluster://a:7000,[::1],c", "redis+cluster://a:7000,[::1]:6379,c:6379", 0, None, None),
            ("rediss+cluster://box:pass@a,b", "rediss+cluster://a:6379,b:6379", 0, "box", "pass"),
            ("redis+sentinel://:p%2C@a,b:1/main/2", "redis+sentinel://a:26379,b:1/main", 2, None, "p,"),
            ("rediss+sentinel://a/main?db=3", "rediss+sentinel://a:26379/main", 3, None, None),
        ],
    )
    def test_it_is_kept_without_its_credentials(
        self, url: str, kept: str, database: int, username: str | None, password: str | None
    ):
        redis = configured({"redis.url": url}).redis
        assert (redis.url, redis.database) == (kept, database)
        assert (revealed(redis.username), revealed(redis.password)) == (username, password)

    def test_sentinels_have_a_password_of_their_own(self):
        redis = configured({"redis.url": "redis+sentinel://:pass@a/main?sentinel_password=theirs"}).redis
        assert (revealed(redis.password), revealed(redis.sentinel_password)) == ("pass", "theirs")

    def test_a_cluster_has_one_database(self):
        (problem,) = problems({"redis.url": "redis+cluster://a,b/1"})
        assert problem == "flag --redis-url: redis.database: a Redis Cluster has the database 0 only"

    def test_its_password_replaces_one_from_a_weaker_source(self):
        redis = configured({"redis.url": "redis://:new@h"}, {"STATEBOX_REDIS_PASSWORD": "old"}).redis
        assert revealed(redis.password) == "new"

    def test_a_password_from_a_weaker_source_goes_with_a_url_that_has_none(self):
        redis = configured({"redis.url": "redis://h"}, {"STATEBOX_REDIS_PASSWORD": "kept"}).redis
        assert revealed(redis.password) == "kept"

    def test_one_source_must_not_say_two_things(self, file: Path):
        file.write_text('[redis]\nurl = "redis://h/1"\ndatabase = 2\n')
        assert problems(file=file) == (
            f"{file} [redis] database: redis.database differs from what the URL says ({file} [redis] url):"
            " drop one of them",
        )

    @pytest.mark.parametrize(
        "url",
        [
            "localhost:6379",
            "http://h",
            "redis://:secret@h:port",
            "unix://relative",
            "redis://",
            "redis://[h",
            "redis://a,b",
            "redis+sentinel://a",
            "redis+cluster://",
            "redis+cluster://a,",
            "redis+cluster://a,b:x",
            "redis+other://a",
        ],
    )
    def test_other_forms_are_refused_without_showing_what_may_be_a_password(self, url: str):
        (problem,) = problems({"redis.url": url})
        assert problem.startswith("flag --redis-url: redis.url must be redis://HOST:PORT/DATABASE")
        assert "secret" not in problem

    def test_what_has_an_option_of_its_own_is_not_taken_from_the_query(self):
        (problem,) = problems({"redis.url": "redis://h?socket_timeout=3"})
        assert "everything else has an option of its own" in problem


class TestProblems:
    def test_all_are_found_at_once_each_with_its_source_and_its_remedy(self, file: Path):
        file.write_text('[redis]\nprefx = "a"\nshards = 0\n[deamon]\nx = 1\n')
        environment = {
            "STATEBOX_LEASE_SECONDS": "0.2",
            "STATEBOX_LISTN": "127.0.0.1:1",
            "STATEBOX_MAX_RUNNING": "many",
            "STATEBOX_NOTIFICATIONS": "maybe",
        }
        assert problems({"http.listen": "8083"}, environment, file) == (
            f"{file} [redis] prefx: there is no such option; did you mean prefix?",
            f"{file}: there is no section [deamon]; did you mean daemon?",
            "environment STATEBOX_LISTN: there is no such option; did you mean STATEBOX_LISTEN?",
            f"{file} [redis] shards: redis.shards = 0 must be from 1 to 4096 (default: 1)",
            "environment STATEBOX_LEASE_SECONDS: daemon.lease_seconds = '0.2' must be from 1 to 3600 (default: 10)",
            "environment STATEBOX_MAX_RUNNING: daemon.max_running = 'many' must be a whole number from 1 to 10000000"
            " (default: 10000)",
            "environment STATEBOX_NOTIFICATIONS: daemon.notifications = 'maybe' must be one of auto, off"
            " (default: auto)",
            "flag --listen: http.listen = '8083' must be HOST:PORT, as in 127.0.0.1:8083 or [::1]:8083"
            " (default: 127.0.0.1:8083)",
        )

    @pytest.mark.parametrize(
        ("toml", "message"),
        [
            ("[daemon]\nlease_seconds = true", "must be a number from 1 to 3600"),
            ("[daemon]\nlease_seconds = inf", "must be from 1 to 3600"),
            ("[daemon]\nmax_running = 1.5", "must be a whole number"),
            ("[daemon]\nmax_running = true", "must be a whole number"),
            ("[daemon]\nname = 'two words'", "must be 1 to 128 letters, digits or any of _ . : @ -"),
            ("[daemon]\nmachines = 'nowhere'", "there is no folder"),
            ("[daemon]\nmachines = 1", "must be a path"),
            ("[redis]\nca_file = 'nowhere.pem'", "there is no file"),
            ("[redis]\nurl = 6379", "must be a text that is not empty"),
            ("[redis]\npassword = 6379", "must be a text that is not empty"),
            ("[http]\nreuse_port = 'perhaps'", "must be true or false"),
            ("[http]\nlisten = '127.0.0.1:70000'", "must be HOST:PORT"),
            ("[http]\nallowed_hosts = 1", "must be a list of texts"),
            ("[http]\nallowed_hosts = [1]", "must be a text that is not empty"),
            ("[http]\ntokens = ['short']", "at least 16 characters"),
            ("[http]\ntokens = ['with a blank in between']", "at least 16 characters"),
            ("[http]\nviewer_tokens = ['short']", "at least 16 characters"),
            ("[http]\naccess_keys = ['an-id-without-a-secret']", "must be ID:SECRET"),
            ("[http]\naccess_keys = ['AKID:short']", "at least 16 characters"),
            ("http = 1", "there is no section [http]"),
            ("[redis", "not valid TOML"),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_refused(self, toml: str, message: str, file: Path):
        file.write_text(toml)
        (problem,) = problems(file=file)
        assert problem.startswith(str(file))
        assert message in problem

    def test_a_file_that_was_named_must_be_there(self):
        assert problems(file=NOWHERE) == (f"configuration: {NOWHERE} cannot be read: No such file or directory",)

    def test_a_file_that_is_not_text_is_refused(self, file: Path):
        file.write_bytes(b"\xff\xfe")
        assert problems(file=file) == (f"configuration: {file} cannot be read: it is not UTF-8",)

    def test_a_secret_and_a_file_for_it_must_not_both_be_set(self):
        assert problems(environment={"STATEBOX_TOKENS": TOKEN, "STATEBOX_TOKENS_FILE": "/x"}) == (
            "STATEBOX_TOKENS and STATEBOX_TOKENS_FILE are both set in the environment: unset one of them",
        )

    def test_a_credential_that_cannot_be_read_is_named(self, tmp_path: Path):
        (tmp_path / "redis.password").mkdir()
        assert problems(environment={"CREDENTIALS_DIRECTORY": str(tmp_path)}) == (
            f"credential redis.password: {tmp_path}/redis.password cannot be read: Is a directory",
        )

    def test_a_secrets_file_that_is_missing_is_named(self):
        assert problems(environment={"STATEBOX_TOKENS_FILE": str(NOWHERE)}) == (
            f"environment STATEBOX_TOKENS_FILE: {NOWHERE} cannot be read: No such file or directory",
        )

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "statebox.example", "[::]"])
    def test_listening_beyond_this_machine_needs_a_token_or_a_clear_word(self, host: str):
        (problem,) = problems({"http.listen": f"{host}:80"})
        assert "so needs a token" in problem
        assert configured({"http.listen": f"{host}:80"}, {"STATEBOX_TOKENS": TOKEN})
        assert configured({"http.listen": f"{host}:80"}, {"STATEBOX_ACCESS_KEYS": f"AKID:{TOKEN}"})
        assert configured({"http.listen": f"{host}:80", "http.allow_remote_without_token": True})

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
    def test_this_machine_needs_none(self, host: str):
        assert configured({"http.listen": f"{host}:0"}).http.listen.is_loopback

    def test_what_contradicts_itself_is_refused(self, tmp_path: Path):
        (tmp_path / "ca.pem").write_text("")
        contradictory = {
            "redis.ca_file": str(tmp_path / "ca.pem"),
            "openwhisk.ca_file": str(tmp_path / "ca.pem"),
            "openwhisk.insecure": True,
        }
        found = problems(contradictory, {"STATEBOX_OPENWHISK_AUTH": "a:b", "STATEBOX_OPENWHISK_BEARER": "c"})
        assert [problem.split(": ")[0] for problem in found] == [
            "flag --redis-ca-file",
            "openwhisk.auth (environment STATEBOX_OPENWHISK_AUTH) and openwhisk.bearer"
            " (environment STATEBOX_OPENWHISK_BEARER) are both set",
            "flag --openwhisk-insecure",
        ]

    def test_an_access_key_stands_there_once(self):
        environment = {"STATEBOX_ACCESS_KEYS": f"AKID:{TOKEN}", "STATEBOX_VIEWER_ACCESS_KEYS": f"AKID:{TOKEN}2"}
        assert problems(environment=environment) == (
            "http.access_keys and http.viewer_access_keys: each ID may stand there once",
        )


class TestShowing:
    def test_secrets_are_never_shown(self):
        config = configured(
            {"redis.url": "redis://somebody:hidden@h"},
            {"STATEBOX_TOKENS": f"{TOKEN},{TOKEN}", "STATEBOX_OPENWHISK_AUTH": "hidden"},
        )
        shown = repr(config) + "\n".join(f"{setting.key} {setting.value}" for setting in config.describe())
        for secret in ("somebody", "hidden", TOKEN):
            assert secret not in shown
        assert "redis.password ***" in shown
        assert "http.tokens ***, ***" in shown

    def test_a_secret_that_is_wrong_is_not_shown_either(self):
        (problem,) = problems(environment={"STATEBOX_TOKENS": "hidden"})
        assert "hidden" not in problem

    def test_every_setting_says_where_it_comes_from(self):
        settings = {setting.key: setting for setting in configured({"daemon.sweep_seconds": "2"}).describe()}
        assert (settings["daemon.sweep_seconds"].value, settings["daemon.sweep_seconds"].origin) == (
            "2",
            "flag --sweep-seconds",
        )
        assert (settings["http.reuse_port"].value, settings["http.reuse_port"].origin) == ("false", "default")
        assert settings["redis.password"].value == "-"
        assert settings["http.listen"].value == "127.0.0.1:8083"
        assert str(Address("::1", 80)) == "[::1]:80"


def test_functions_are_renamed_by_a_table_or_by_words(tmp_path: Path):
    file = tmp_path / "statebox.toml"
    file.write_text('[lambda]\nrename = { total = "shop/total", "total:canary" = "shop/next" }\n')

    assert load({}, {}, file).functions.rename == ("total=shop/total", "total:canary=shop/next")
    words = {"STATEBOX_LAMBDA_RENAME": "total=shop/total, a=b"}
    assert load({}, words, default_file=tmp_path / "none").functions.rename == ("total=shop/total", "a=b")
    with pytest.raises(ConfigError, match="must be a table of names and texts, or NAME=TEXT"):
        load({"lambda.rename": "total"}, {}, default_file=tmp_path / "none")
