"""The journal's pages."""

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from journal.models import Entry, Tag

ENTRIES_PER_PAGE = 20


def entry_list(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """List the entries, newest first; those of one tag when ``slug`` names it."""
    tag = get_object_or_404(Tag, slug=slug) if slug else None
    entries = tag.entries.all() if tag else Entry.objects.all()
    entries = entries.select_related("author").annotate(attachment_count=Count("attachments"))
    page = Paginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "tag": tag, "tags": Tag.objects.all()}
    return render(request, "journal/entry_list.html", context)


def entry_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one entry with its attachments."""
    entries = Entry.objects.select_related("author").prefetch_related("tags", "attachments")
    context = {"entry": get_object_or_404(entries, pk=pk)}
    return render(request, "journal/entry_detail.html", context)
