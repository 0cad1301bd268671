"""The journal in Django's admin."""

from django.contrib import admin

from journal.models import Attachment, Entry, Tag

admin.site.register(Tag, search_fields=["name"])
admin.site.register(
    Entry,
    list_display=["title", "author", "happened_at"],
    list_filter=["tags"],
    list_select_related=["author"],
    search_fields=["title", "body"],
    date_hierarchy="happened_at",
    autocomplete_fields=["tags"],
)
admin.site.register(
    Attachment,
    list_display=["file", "caption", "entry"],
    list_select_related=["entry"],
    search_fields=["file", "caption"],
    raw_id_fields=["entry"],
)
