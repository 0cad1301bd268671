"""Entries of a walking club's journal, with tags and attachments."""

from django.conf import settings
from django.db import models
from django.urls import reverse


class Tag(models.Model):
    """A topic that entries share."""

    name = models.CharField(max_length=50, unique=True)
    slug = models.SlugField(unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Entry(models.Model):
    """One day out, as its author describes it."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="entries"
    )
    title = models.CharField(max_length=200)
    body = models.TextField()
    happened_at = models.DateTimeField(db_index=True)
    distance_km = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    weather = models.JSONField(default=dict, blank=True)
    tags = models.ManyToManyField(Tag, related_name="entries", blank=True)

    class Meta:
        ordering = ["-happened_at", "-pk"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the URL of the entry's page."""
        return reverse("journal:entry", args=[self.pk])


class Attachment(models.Model):
    """A file that belongs to an entry."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="attachments")
    file = models.FileField(upload_to="attachments/%Y/%m", max_length=255)
    caption = models.CharField(max_length=200, blank=True)
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the file's content.")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.file.name)

    @property
    def is_picture(self) -> bool:
        """Whether a browser can show the file within the page."""
        return str(self.file.name).endswith((".png", ".svg"))
