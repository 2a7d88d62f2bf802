"""Fetch articles from upstream into the store, one channel or batch at a time.

Upstream errors become entries of a report. Only this package connects the packages of the
ingest pipeline: fetch, parse, extract, sanitise, media, policy and store.
"""

from feedproxy.ingest.archive import archive
from feedproxy.ingest.channels import ChannelPoller
from feedproxy.ingest.dispatch import Dispatcher, Priority, Task, run_task
from feedproxy.ingest.drafts import article_parts, join_clean
from feedproxy.ingest.importing import Import, Importer, entries_of, prepare
from feedproxy.ingest.poller import Poller
from feedproxy.ingest.reextract import Reextraction, reextract
from feedproxy.ingest.reports import Report
from feedproxy.ingest.rule_tests import (
    FileTest,
    RuleResult,
    check_fetched,
    check_stored,
    rule_tests,
)
from feedproxy.ingest.services import Services
from feedproxy.ingest.survey import FoundListing, Sample, hosts_like, sample, survey
from feedproxy.ingest.verification import Verifier
from feedproxy.ingest.websub import Announcer

__all__ = [
    "Announcer",
    "ChannelPoller",
    "Dispatcher",
    "FileTest",
    "FoundListing",
    "Import",
    "Importer",
    "Poller",
    "Priority",
    "Reextraction",
    "Report",
    "RuleResult",
    "Sample",
    "Services",
    "Task",
    "Verifier",
    "archive",
    "article_parts",
    "check_fetched",
    "check_stored",
    "entries_of",
    "hosts_like",
    "join_clean",
    "prepare",
    "reextract",
    "rule_tests",
    "run_task",
    "sample",
    "survey",
]
