"""Messages in words, for people: the sentences of a case in English and German, as plain text and as HTML.

``catalogue`` holds the texts of each language, ``case_text`` chooses the sentences, ``html`` lays them out.
"""

from anomaly.alerts.wording.case_text import CaseText, MachineFacts, case_text

__all__ = ["CaseText", "MachineFacts", "case_text"]
