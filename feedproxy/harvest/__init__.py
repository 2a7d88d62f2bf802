"""The shell: upstream to the store, one channel or batch at a time; faults become a report.

The only package that knows the rooms of the way in: fetch, parse, extract, sanitise, media, plan, store.
"""

from feedproxy.harvest.ahead import Extractors, prepare
from feedproxy.harvest.announcing import Announcer
from feedproxy.harvest.archive import archive
from feedproxy.harvest.articles import article_parts, join_clean
from feedproxy.harvest.channels import Harvester
from feedproxy.harvest.dispatch import Dispatcher, Errand, Priority, run_errand
from feedproxy.harvest.importing import Import, Importer, entries_of
from feedproxy.harvest.kit import Kit
from feedproxy.harvest.poller import Poller
from feedproxy.harvest.reextract import Reextraction, reextract
from feedproxy.harvest.reports import Report
from feedproxy.harvest.ruletests import RuleResult, RuleTest, check_fetched, check_held, rule_tests
from feedproxy.harvest.survey import Find, Sample, hosts_like, sample, survey
from feedproxy.harvest.trust import Trust

__all__ = [
    "Announcer",
    "Dispatcher",
    "Errand",
    "Extractors",
    "Find",
    "Harvester",
    "Import",
    "Importer",
    "Kit",
    "Poller",
    "Priority",
    "Reextraction",
    "Report",
    "RuleResult",
    "RuleTest",
    "Sample",
    "Trust",
    "archive",
    "article_parts",
    "check_fetched",
    "check_held",
    "entries_of",
    "hosts_like",
    "join_clean",
    "prepare",
    "reextract",
    "rule_tests",
    "run_errand",
    "sample",
    "survey",
]
