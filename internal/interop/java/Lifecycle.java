import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.client.requests.SearchRequestBuilder;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.messages.SortOrder;
import com.unboundid.scim2.common.types.Email;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Manager;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.Name;
import com.unboundid.scim2.common.types.ServiceProviderConfigResource;
import com.unboundid.scim2.common.types.UserResource;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import org.glassfish.jersey.apache.connector.ApacheConnectorProvider;
import org.glassfish.jersey.client.ClientConfig;

/**
 * A person's working life, as the UnboundID SCIM 2 SDK sees it.
 *
 * <p>It prints "ok STEP" for each step that came out as RFC 7644 says; what does not ends it. Arguments: the base
 * URL; the token is in SCIM_TOKEN.
 */
public final class Lifecycle {
  private static final String ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:";

  private final ScimService scim;
  private UserResource boss;
  private UserResource ada;
  private GroupResource team;

  private Lifecycle(String base, String token) {
    ClientRequestFilter bearer = r -> r.getHeaders().putSingle("Authorization", "Bearer " + token);
    ClientConfig config = new ClientConfig().connectorProvider(new ApacheConnectorProvider()).register(bearer);
    scim = new ScimService(ClientBuilder.newClient(config).target(URI.create(base)));
  }

  public static void main(String[] args) throws Exception {
    Lifecycle l = new Lifecycle(args[0], System.getenv("SCIM_TOKEN"));
    l.discovery();
    l.joiner();
    l.filters();
    l.pages();
    l.cursors();
    l.mover();
    l.etags();
    l.groups();
    l.leaver();
    System.exit(0); // the connection pool has threads
  }

  private void discovery() throws ScimException {
    ServiceProviderConfigResource config = scim.getServiceProviderConfig();
    equal(true, config.getPatch().isSupported());
    equal(true, config.getFilter().isSupported());
    equal(true, config.getEtag().isSupported());
    equal(true, config.getSort().isSupported());
    equal("/Users", scim.getResourceType("User").getEndpoint().toString());
    List<String> schemas = new ArrayList<>();
    scim.getSchemas().forEach(s -> schemas.add(s.getId()));
    equal(true, schemas.contains("urn:ietf:params:scim:schemas:core:2.0:Group"));
    ok("discovery");
  }

  private void joiner() throws ScimException {
    boss = scim.create("Users", new UserResource().setUserName("grace@example.com").setDisplayName("Grace Hopper"));
    UserResource joiner =
        new UserResource()
            .setUserName("ada@example.com")
            .setName(new Name().setGivenName("Ada").setFamilyName("Lovelace"))
            .setDisplayName("Ada Lovelace")
            .setEmails(new Email().setValue("ada@example.com").setType("work").setPrimary(true))
            .setActive(true);
    joiner.setExternalId("hr-1");
    joiner.setExtension(
        new EnterpriseUserExtension().setDepartment("Engines").setManager(new Manager().setValue(boss.getId())));
    ada = scim.create("Users", joiner);
    equal("User", ada.getMeta().getResourceType());
    equal(true, ada.getMeta().getLocation().toString().endsWith("/Users/" + ada.getId()));
    equal("Grace Hopper", ada.getExtension(EnterpriseUserExtension.class).getManager().getDisplayName());
    equal(ada, scim.retrieve(ada));
    ScimException e =
        refused(409, () -> scim.create("Users", new UserResource().setUserName("ADA@example.com")));
    equal("uniqueness", e.getScimError().getScimType());
    ok("joiner");
  }

  private ListResponse<UserResource> find(String filter) throws ScimException {
    return scim.search("Users", filter, UserResource.class);
  }

  private void filters() throws ScimException {
    equal(1, find("userName eq \"ADA@EXAMPLE.COM\"").getTotalResults());
    equal(1, find("externalId eq \"hr-1\"").getTotalResults());
    equal(1, find("emails[type eq \"work\" and value ew \"@example.com\"] and active eq true").getTotalResults());
    equal(1, find(ENTERPRISE + "department sw \"Eng\"").getTotalResults());
    equal(1, find("not (displayName co \"Ada\") and displayName pr").getTotalResults());
    equal(0, find("userName eq \"nobody\"").getTotalResults());
    ListResponse<UserResource> found =
        scim.searchRequest("Users")
            .filter("name.familyName eq \"Lovelace\"")
            .attributes("userName")
            .invokePost(UserResource.class);
    equal(1, found.getTotalResults());
    UserResource user = found.getResources().get(0);
    equal(Arrays.asList(ada.getId(), "ada@example.com", null), Arrays.asList(user.getId(), user.getUserName(), user.getDisplayName()));
    ScimException e = refused(400, () -> find("userName is ada"));
    equal("invalidFilter", e.getScimError().getScimType());
    ok("filters");
  }

  private void pages() throws ScimException {
    List<String> want = new ArrayList<>();
    for (int i = 0; i < 25; i++) {
      want.add(String.format("temp-%02d", i));
      scim.create("Users", new UserResource().setUserName(want.get(i)).setUserType("temp"));
    }
    Collections.reverse(want);
    List<String> seen = new ArrayList<>();
    for (int start = 1; ; ) {
      ListResponse<UserResource> page =
          scim.searchRequest("Users")
              .filter("userType eq \"temp\"")
              .page(start, 10)
              .sort("userName", SortOrder.DESCENDING)
              .invoke(UserResource.class);
      equal(25, page.getTotalResults());
      if (page.getResources().isEmpty()) {
        break;
      }
      equal(start, page.getStartIndex());
      page.forEach(u -> seen.add(u.getUserName()));
      start += page.getResources().size();
    }
    equal(want, seen);
    ok("pages");
  }

  private void cursors() throws ScimException {
    TreeSet<String> seen = new TreeSet<>();
    SearchRequestBuilder request = scim.searchRequest("Users").filter("userType eq \"temp\"").firstPageCursorWithCount(10);
    int pages = 0;
    while (request != null) {
      ListResponse<UserResource> page = request.invoke(UserResource.class);
      page.forEach(u -> seen.add(u.getUserName()));
      pages++;
      String next = page.getNextCursor();
      request = next == null ? null : scim.searchRequest("Users").filter("userType eq \"temp\"").pageWithCursor(next, 10);
    }
    equal(3, pages);
    equal(25, seen.size());
    ScimException e =
        refused(400, () -> scim.searchRequest("Users").pageWithCursor("made-up", 10).invoke(UserResource.class));
    equal("invalidCursor", e.getScimError().getScimType());
    ok("cursors");
  }

  private void mover() throws ScimException {
    scim.modifyRequest("Users", ada.getId())
        .replaceValue("title", "Countess")
        .replaceValue("name.familyName", "King")
        .addValues("emails", new Email().setValue("ada@home.example").setType("home"))
        .replaceValue("emails[type eq \"work\"].value", "king@example.com")
        .replaceValue(ENTERPRISE + "department", "Analysis")
        .removeValues(ENTERPRISE + "manager")
        .invoke(UserResource.class);
    ada = scim.retrieve(ada);
    equal(Arrays.asList("Countess", "Ada", "King"), Arrays.asList(ada.getTitle(), ada.getName().getGivenName(), ada.getName().getFamilyName()));
    TreeSet<String> emails = new TreeSet<>();
    ada.getEmails().forEach(e -> emails.add(e.getValue()));
    equal("[ada@home.example, king@example.com]", emails.toString());
    equal("Analysis", ada.getExtension(EnterpriseUserExtension.class).getDepartment());
    equal(null, ada.getExtension(EnterpriseUserExtension.class).getManager());
    ada = scim.replace(ada.setNickName("Enchantress").setTitle(null));
    equal(Arrays.asList("Enchantress", null), Arrays.asList(ada.getNickName(), ada.getTitle()));
    ScimException e =
        refused(400, () -> scim.modifyRequest(ada).replaceValue("nope", "x").invoke());
    equal("invalidPath", e.getScimError().getScimType());
    ok("mover");
  }

  private void etags() throws ScimException {
    UserResource before = scim.retrieve(ada);
    refused(304, () -> scim.retrieveRequest(before).ifNoneMatch().invoke());
    scim.modifyRequest(before).replaceValue("title", "Lady").ifMatch().invoke();
    ada = scim.retrieve(ada);
    equal("Lady", ada.getTitle());
    equal(false, before.getMeta().getVersion().equals(ada.getMeta().getVersion()));
    refused(412, () -> scim.replaceRequest(before.setTitle("lost")).ifMatch().invoke());
    refused(412, () -> scim.modifyRequest(before).replaceValue("title", "lost").ifMatch().invoke());
    refused(412, () -> scim.deleteRequest(before).ifMatch(before.getMeta().getVersion()).invoke());
    equal("Lady", scim.retrieve(ada).getTitle());
    ok("etags");
  }

  private void groups() throws ScimException {
    team = new GroupResource().setDisplayName("Engineers").setMembers(new Member().setValue(boss.getId()));
    team = scim.create("Groups", team);
    Member first = team.getMembers().get(0);
    equal(Arrays.asList(boss.getId(), "User", "Grace Hopper"), Arrays.asList(first.getValue(), first.getType(), first.getDisplay()));
    modify("members", new Member().setValue(ada.getId()));
    equal(2, team.getMembers().size());
    equal("Engineers", scim.retrieve(ada).getGroups().get(0).getDisplay());
    ListResponse<GroupResource> found =
        scim.searchRequest("Groups")
            .filter("members[value eq \"" + ada.getId() + "\"]")
            .excludedAttributes("members")
            .invoke(GroupResource.class);
    equal(1, found.getTotalResults());
    equal(null, found.getResources().get(0).getMembers());
    scim.modifyRequest("Groups", team.getId())
        .removeValues("members[value eq \"" + boss.getId() + "\"]")
        .invoke(GroupResource.class);
    team = scim.retrieve(team);
    equal(1, team.getMembers().size());
    equal(ada.getId(), team.getMembers().get(0).getValue());
    ok("groups");
  }

  private void modify(String path, Object value) throws ScimException {
    scim.modifyRequest("Groups", team.getId()).addValues(path, value).invoke(GroupResource.class);
    team = scim.retrieve(team);
  }

  private void leaver() throws ScimException {
    scim.modifyRequest("Users", ada.getId()).replaceValue("active", false).invoke(UserResource.class);
    ListResponse<UserResource> inactive = find("active eq false");
    equal(1, inactive.getTotalResults());
    equal(ada.getId(), inactive.getResources().get(0).getId());
    scim.delete("Users", ada.getId());
    refused(404, () -> scim.retrieve("Users", ada.getId(), UserResource.class));
    refused(404, () -> scim.delete("Users", ada.getId()));
    equal(null, scim.retrieve(team).getMembers());
    scim.delete(team);
    UserResource again = scim.create("Users", new UserResource().setUserName("ada@example.com"));
    equal(false, again.getId().equals(ada.getId()));
    ok("leaver");
  }

  /** A call that is to be refused. */
  private interface Command {
    void run() throws ScimException;
  }

  private static ScimException refused(int status, Command c) {
    try {
      c.run();
    } catch (ScimException e) {
      equal(status, e.getScimError().getStatus());
      return e;
    }
    throw new AssertionError("expected to be refused with " + status);
  }

  private static void equal(Object want, Object got) {
    if (!Objects.equals(want, got)) {
      throw new AssertionError("got " + got + ", want " + want);
    }
  }

  private static void ok(String step) {
    System.out.println("ok " + step);
  }
}
