"""``kg ask``: a question in words, answered by the stored query that fits it, saying how it was understood.

What a question can be about is the table ``intents.INTENTS``; which parameters a query takes is its own header. What
its query does not take is asked by itself (``filters.FILTERS``), and what cannot be asked is refused.
"""

from kg.ask.answers import Reply, answer_question
from kg.ask.understanding import Understanding, understand_question

__all__ = ["Reply", "Understanding", "answer_question", "understand_question"]
