"""The verbs of ``kg``, a module each; a new module here is a new verb."""
