"""The next lane's source bucket, normally in another account: archives are put there, and nothing is read.

It needs ``s3:PutObject`` on ``<bucket>/sources/*``, by the function's policy and by that of the bucket, where the next
lane's stack names this lane's role in its parameter PromotingRoleArn. The bucket owns what lies in it
(BucketOwnerEnforced): an ACL would be refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagbranch.adapters.promotion_metadata import metadata_of
from dagbranch.adapters.s3_objects import BucketObjects
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.promotion import SignedPromotion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3NextLane:
    def __init__(self, client: S3Client, bucket: str) -> None:
        self._objects = BucketObjects(client, bucket)

    def put(self, promotion: SignedPromotion, key: SourceArchiveKey, archive: bytes) -> None:
        self._objects.put(str(key), archive, metadata_of(promotion))
