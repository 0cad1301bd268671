"""The site's addresses. Attachments are served by Django in DEBUG alone."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("journal.urls")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
