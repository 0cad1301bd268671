"""The journal's URLs."""

from django.urls import path

from journal import views

app_name = "journal"

urlpatterns = [
    path("", views.entry_list, name="entries"),
    path("tags/<slug:slug>/", views.entry_list, name="tag"),
    path("entries/<int:pk>/", views.entry_detail, name="entry"),
]
