"""Slips: templates in ReceiptLine filled with data, and laid out on paper.

`book` finds templates and lays slips out; `models` says what each kind of slip carries; `template` fills a template
with escaped values; `markup` parses the result, and `layout` puts it on paper of so many columns. What comes out is a
`drivers.printer.page.Page`, which every renderer starts from.
"""
