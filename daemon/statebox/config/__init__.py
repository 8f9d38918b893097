"""The configuration of the daemon: `load` gathers it, `Config` holds it, `options` lists what there is."""

from statebox.config.sections import (
    DaemonConfig,
    HttpConfig,
    LambdaConfig,
    LimitsConfig,
    LogConfig,
    OpenWhiskConfig,
    Option,
    RedisConfig,
    options,
)
from statebox.config.sources import DEFAULT_FILE, Config, ConfigError, Setting, load
from statebox.config.values import Address, Secret

__all__ = [
    "DEFAULT_FILE",
    "Address",
    "Config",
    "ConfigError",
    "DaemonConfig",
    "HttpConfig",
    "LambdaConfig",
    "LimitsConfig",
    "LogConfig",
    "OpenWhiskConfig",
    "Option",
    "RedisConfig",
    "Secret",
    "Setting",
    "load",
    "options",
]
